"""Which models may run while something is wrong with the device."""

from agent.restraints import Cause, Restraint, Restraints

MEMORY = {"large": 900, "middle": 500, "small": 100}
ALL = list(MEMORY)


def allowed(*restraints: tuple[Cause, Restraint], wish: str = "") -> list[str]:
    subject = Restraints()
    for cause, restraint in restraints:
        subject.set(cause, restraint)
    return subject.allowed(ALL, MEMORY, wish)


def test_without_restraints_everything_may_run_in_its_order() -> None:
    assert allowed() == ALL
    assert not Restraints().any


def test_a_model_may_not_take_more_than_the_most() -> None:
    assert allowed(("heat", Restraint("Hot.", most=500))) == ["middle", "small"]


def test_only_named_models_may_run() -> None:
    assert allowed(("crashes", Restraint("Crashed.", only=("small",)))) == ["small"]


def test_nothing_runs_when_no_model_is_left() -> None:
    assert allowed(("crashes", Restraint("Crashed.", only=()))) == []
    assert allowed(("memory", Restraint("Full.", most=50))) == []


def test_the_smallest_runs_where_something_has_to() -> None:
    assert allowed(("heat", Restraint("Hot.", most=50, rests=False))) == ["small"]


def test_the_wish_of_the_user_stands_unless_it_is_bound() -> None:
    assert allowed(("heat", Restraint("Hot.", most=500, binds_wish=False)), wish="large") == ALL
    assert allowed(("heat", Restraint("Hot.", most=500)), wish="large") == ["middle", "small"]


def test_all_restraints_hold_together() -> None:
    both = (("heat", Restraint("Hot.", most=500)), ("crashes", Restraint("Crashed.", only=("large", "small"))))
    assert allowed(*both) == ["small"]  # type: ignore[arg-type]


def test_a_change_is_told_once_with_what_is_in_force() -> None:
    told: list[tuple[Cause, Restraint | None]] = []
    subject, first = Restraints(), Restraint("Hot.", "Let it cool.", most=500)
    subject.on_change.append(lambda cause, held: told.append((cause, held)))
    subject.set("heat", first)
    subject.set("heat", first)
    assert (subject.reason(), subject.way_out()) == ("Hot.", "Let it cool.")
    subject.lift("heat")
    subject.lift("heat")
    assert told == [("heat", first), ("heat", None)]
    assert not subject.any
