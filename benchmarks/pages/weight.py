"""What a browser loads for an empty chat that has never been here: bytes of each part, plain and as sent.

python -m benchmarks.pages.weight
"""

import re

from benchmarks.pages.filled import Filled, filled


def parts(device: Filled) -> dict[str, tuple[int, int]]:
    """Return bytes and compressed bytes by address, the largest first."""
    with device.client() as client:
        html = client.get("/").text
        found = {"/": (len(html.encode()), int(client.get("/").headers["content-length"]))}
        for address in set(re.findall(r'(?:src|href)="(/static/[^"#]+)', html)):
            reply = client.get(address)
            found[address] = (len(reply.content), int(reply.headers["content-length"]))
    return dict(sorted(found.items(), key=lambda part: -part[1][1]))


def main() -> None:
    with filled(conversations=1) as device:
        found = parts(device)
    for address, (plain, sent) in found.items():
        print(f"{plain:8} {sent:7}  {address}")
    print(f"{sum(plain for plain, _ in found.values()):8} {sum(sent for _, sent in found.values()):7}  together")


if __name__ == "__main__":
    main()
