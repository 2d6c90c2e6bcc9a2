"""Course: when a training ends, and that it goes on as it was."""

from harness.course import Course, Watch


def run(values: list[float], *, patience: int, patient_from: int) -> Course:
    """Take values until the training ends."""
    course = Course(watch=Watch(), epochs=len(values), patience=patience, patient_from=patient_from)
    for value in values:
        if course.status == "running":
            course.take({"val/loss": value}, pruned=False)
    return course


def test_patience_is_lost_in_the_last_phase_alone() -> None:
    """A probe that has converged is followed by the next phase, which gets its own patience."""
    converged = [1.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    assert len(run(converged, patience=1, patient_from=0).history) == 2
    ended = run(converged, patience=2, patient_from=3)
    assert len(ended.history) == 6
    assert ended.reason == "stopped early after epoch 5: best was epoch 0"
    assert len(run([1.0, 2.0, 2.0, 0.5, 0.6, 0.7], patience=1, patient_from=3).history) == 5


def test_how_long_it_is_patient_outlives_a_kill_of_an_extension() -> None:
    course = run([1.0, 2.0], patience=1, patient_from=0)
    course.go_on()
    assert course.patient_from == 2
    again = Course(watch=Watch(), epochs=9, patience=1)
    again.load_state_dict(course.state_dict())
    again.go_on()
    assert again.patient_from == 2
