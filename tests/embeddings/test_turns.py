"""Who is computed when: small requests do not wait for large ones, and no run is too large."""

from agent.embeddings.turns import RUN_TOKENS, Turns


def text(size: int) -> list[int]:
    return [7] * size


def drain(turns: Turns) -> list[list[tuple[int, int]]]:
    runs = []
    while turns:
        runs.append([(text.request, text.place) for text in turns.next_run()])
    return runs


def test_every_text_is_computed_once() -> None:
    turns = Turns()
    turns.add(1, [text(size) for size in range(1, 200)])
    turns.add(2, [text(3), text(300)])
    done = [each for run in drain(turns) for each in run]
    assert sorted(done) == [*((1, place) for place in range(199)), (2, 0), (2, 1)]


def test_a_small_request_is_in_the_next_run() -> None:
    turns = Turns()
    turns.add(1, [text(200)] * 1000)
    turns.next_run()
    turns.add(2, [text(5)])
    assert 2 in {each.request for _ in range(2) for each in turns.next_run()}


def test_requests_that_come_together_share_a_run() -> None:
    turns = Turns()
    for number in range(8):
        turns.add(number, [text(10)])
    assert len(drain(turns)) == 1


def test_a_run_is_bounded_unless_it_is_one_text() -> None:
    turns = Turns()
    turns.add(1, [text(RUN_TOKENS * 4), *[text(100)] * 30, *[text(1)] * 600])
    sizes = []
    while turns:
        run = turns.next_run()
        sizes.append((len(run), sum(len(each.tokens) for each in run)))
    assert sizes[0] == (1, RUN_TOKENS * 4)
    assert all(tokens <= RUN_TOKENS for _, tokens in sizes[1:])


def test_short_texts_do_not_pay_for_long_ones() -> None:
    turns = Turns()
    turns.add(1, [text(250)])
    turns.add(2, [text(2)] * 100)
    run = turns.next_run()
    assert len(run) * max(len(each.tokens) for each in run) <= 2 * RUN_TOKENS


def test_a_request_that_is_dropped_leaves_nothing() -> None:
    turns = Turns()
    turns.add(1, [text(5)] * 3)
    turns.drop(1)
    turns.drop(2)
    assert not turns
    assert turns.next_run() == []
