import asyncio

import pytest

from agent.errors import DownloadError, ModelError, ModelNotFoundError
from agent.models import ModelStore, SourceSettings, TransferSettings
from agent.models.files import SourceFile
from agent.models.progress import Meter
from agent.models.sources import huggingface
from agent.models.transport import Http, open_client
from tests.fake_hub import COMMIT, FakeHub, HubFile
from tests.models.pulling import FILE, MODEL, QUICK, REPO, content, pull

RIGHT = "hf_right"
TWO_LINES = "hf_a\nb"


def resolve(reference: str, settings: SourceSettings, transfer: TransferSettings = QUICK) -> SourceFile:
    async def scenario() -> SourceFile:
        async with open_client(transfer) as client:
            return await huggingface.resolve(reference, settings, Http(client, transfer, Meter()))

    return asyncio.run(scenario())


def hold(hub: FakeHub, *paths: str) -> None:
    """Put files of these names, each one byte longer than the one before, into the repository."""
    hub.repos[REPO] = {path: HubFile(bytes(size)) for size, path in enumerate(paths, 1)}


def chosen(hub: FakeHub, sources: SourceSettings, suffix: str = "") -> str:
    return resolve(f"hf:{REPO}{suffix}", sources).url.removeprefix(f"{hub.url}/{REPO}/resolve/{COMMIT}/")


def test_a_file_is_pinned_to_its_commit_and_its_hash(hub: FakeHub, sources: SourceSettings) -> None:
    source = resolve(f"hf:{REPO}/{FILE}", sources)
    assert source.url == f"{hub.url}/{REPO}/resolve/{COMMIT}/{FILE}"
    assert (source.sha256, source.size) == (HubFile(MODEL).sha256, len(MODEL))
    assert (source.commit, source.licence) == (COMMIT, "apache-2.0")


def test_the_usual_quantization_is_chosen_when_none_is_asked_for(hub: FakeHub, sources: SourceSettings) -> None:
    hold(hub, "tiny-Q2_K.gguf", "tiny-Q4_K_S.gguf", "tiny-Q4_K_M.gguf", "tiny-Q8_0.gguf")
    assert chosen(hub, sources) == "tiny-Q4_K_M.gguf"


def test_the_next_best_is_chosen_when_the_usual_one_is_not_there(hub: FakeHub, sources: SourceSettings) -> None:
    hold(hub, "tiny-F16.gguf", "tiny-Q8_0.gguf", "tiny-Q2_K.gguf")
    assert chosen(hub, sources) == "tiny-Q8_0.gguf"


def test_the_smallest_is_chosen_when_no_name_tells_the_quantization(hub: FakeHub, sources: SourceSettings) -> None:
    hold(hub, "small.gguf", "large.gguf")
    assert chosen(hub, sources) == "small.gguf"


@pytest.mark.parametrize(
    ("asked", "file"),
    [
        (":Q4_0", "tiny.Q4_0.gguf"),
        (":q8_0", "sub dir/tiny-q8_0.gguf"),
        (":Q4_K", "tiny-Q4_K.gguf"),
        (":Q4_K_M@main", "tiny-Q4_K_M.gguf"),
        ("/sub dir/tiny-q8_0.gguf", "sub dir/tiny-q8_0.gguf"),
        (f"/tiny.Q4_0.gguf@{COMMIT}", "tiny.Q4_0.gguf"),
    ],
)
def test_what_is_asked_for_is_chosen(hub: FakeHub, sources: SourceSettings, asked: str, file: str) -> None:
    hold(hub, "tiny-IQ4_0.gguf", "tiny-Q4_K_M.gguf", "tiny.Q4_0.gguf", "tiny-Q4_K.gguf", "sub dir/tiny-q8_0.gguf")
    assert chosen(hub, sources, asked) == file.replace(" ", "%20")


def test_projectors_and_parts_of_files_are_no_models(hub: FakeHub, sources: SourceSettings) -> None:
    hold(hub, "mmproj-Q4_K_M.gguf", "tiny-Q4_K_M-00001-of-00002.gguf", "tiny-Q4_K_M-00002-of-00002.gguf")
    with pytest.raises(ModelNotFoundError, match="no GGUF file in one piece"):
        chosen(hub, sources)


def test_what_is_missing_is_told_with_what_is_there(hub: FakeHub, sources: SourceSettings) -> None:
    hold(hub, "tiny-Q8_0.gguf", "README.md")
    for suffix in (":Q5_K_M", "/other.gguf"):
        with pytest.raises(ModelNotFoundError, match=f"{REPO} has no {suffix[1:]}") as caught:
            chosen(hub, sources, suffix)
        assert caught.value.hint == "It has: tiny-Q8_0.gguf."


@pytest.mark.parametrize("reference", ["hf:acme/nothing", f"hf:{REPO}@v2"])
def test_an_unknown_repository_or_revision_is_not_found(hub: FakeHub, sources: SourceSettings, reference: str) -> None:
    with pytest.raises(ModelNotFoundError, match=reference[3:].split("@", maxsplit=1)[0]):
        resolve(reference, sources)
    assert hub.seen


def test_a_long_list_of_files_is_read_to_its_end(hub: FakeHub, sources: SourceSettings) -> None:
    hold(hub, *(f"notes-{number}.txt" for number in range(25)), "tiny-Q4_K_M.gguf")
    hub.page_size = 10
    assert chosen(hub, sources) == "tiny-Q4_K_M.gguf"


def test_a_next_page_at_another_host_is_asked_for_without_the_token(hub: FakeHub) -> None:
    hold(hub, "notes.txt", "tiny-Q4_K_M.gguf")
    hub.page_size, hub.next_page_at = 1, hub.cdn
    assert chosen(hub, SourceSettings(hf_endpoint=hub.url, hf_token=RIGHT)) == "tiny-Q4_K_M.gguf"
    assert [(seen.host.split(":")[0], seen.authorization) for seen in hub.seen[1:]] == [
        ("127.0.0.1", f"Bearer {RIGHT}"),
        ("localhost", None),
    ]


def test_a_list_of_files_without_an_end_is_given_up(hub: FakeHub, sources: SourceSettings) -> None:
    hold(hub, "notes.txt")
    hub.page_size = 0
    with pytest.raises(DownloadError, match="does not end"):
        chosen(hub, sources)


@pytest.mark.parametrize(
    "reference", ["hf:", "hf:tiny", "hf:a/b/c.bin", "hf:a/b:", "hf:a/../b/c", "hf:a b/c", "hf:a/b/c/../d", "hf:a/b//c"]
)
def test_a_malformed_reference_is_refused(sources: SourceSettings, reference: str) -> None:
    with pytest.raises(ModelError, match="malformed"):
        resolve(reference, sources)


def test_a_token_that_cannot_be_one_is_refused_and_not_repeated(hub: FakeHub) -> None:
    with pytest.raises(ModelError, match="no token has") as caught:
        resolve(f"hf:{REPO}", SourceSettings(hf_endpoint=hub.url, hf_token=TWO_LINES))
    assert "hf_a" not in caught.value.message
    assert hub.seen == []


def test_an_answer_that_is_no_hub_s_is_told_as_such(hub: FakeHub) -> None:
    hub.plain["api/models/acme/tiny/revision/main"] = HubFile(b"<html>Welcome</html>")
    with pytest.raises(DownloadError, match="cannot be understood"):
        resolve("hf:acme/tiny", SourceSettings(hf_endpoint=f"{hub.url}/plain"))


def test_an_endpoint_may_end_in_a_slash(hub: FakeHub, store: ModelStore) -> None:
    model = pull(store, f"hf:{REPO}", SourceSettings(hf_endpoint=f"{hub.url}/"))
    assert content(store, model) == MODEL
