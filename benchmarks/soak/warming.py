"""What fills up in any hour is filled before a soak is measured, so that what grows then is what grows for ever."""

from http import HTTPStatus

from benchmarks.soak.people import sign_in
from benchmarks.soak.place import PEOPLE, Place

_REMEMBERED = 1100  # litestar keeps 1,024 addresses with parameters and as many queries, about 1 kB each


async def warm(place: Place) -> None:
    """Ask for so many addresses and queries, each another one."""
    async with place.client(Origin=place.url) as client:
        await sign_in(client, PEOPLE[0])
        for number in range(_REMEMBERED):
            found = await client.get("/search", params={"q": f"warming {number}"})
            missing = await client.get(f"/c/{number:032x}")
            assert (found.status_code, missing.status_code) == (HTTPStatus.OK, HTTPStatus.NOT_FOUND)  # noqa: S101 - ours
