"""MovieLens-100K: 100,000 ratings, from 1 to 5 stars, of 1,682 films by 943 people.

Harper & Konstan 2015, read from the package `recbole`; for research, and not to be passed on, so it
is never carried here. Matrix factorisation reaches an RMSE of about .93 stars.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from harness.data.batches import Split
from harness.data.content import Content, draw_test
from harness.data.in_memory import InMemory, Sizes
from harness.data.standardise import UNCHANGED, Scale, Standardisation
from harness.packages import PackagedFile, read_packaged

SHA256 = {
    "inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    "user": "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
    "item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
}
USERS, ITEMS = 943, 1_682
OCCUPATIONS = [
    "administrator", "artist", "doctor", "educator", "engineer", "entertainment", "executive",
    "healthcare", "homemaker", "lawyer", "librarian", "marketing", "none", "other", "programmer",
    "retired", "salesman", "scientist", "student", "technician", "writer",
]  # fmt: skip
GENRES = [
    "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War",
    "Western", "unknown",
]  # fmt: skip
FEATURES = (2 + len(OCCUPATIONS), 1 + len(GENRES))
"""How many numbers are known of a user and of a film."""
NO_YEAR = 1990.0
"""Of the two films whose year is unknown."""


@dataclass(frozen=True, kw_only=True)
class MovieLens(InMemory):
    """Who (from 0), which film (from 0), and what is known of either; target: the stars (1,).

    Inputs (45,): two indices; age, sex and occupation; year and genres. Targets are centred, so
    that errors are in stars. The test set is a fixed random 20 %.
    """

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(2 + sum(FEATURES),),
        outputs=1,
        development=80_000,
        test=20_000,
        validation=5_000,
        targets="values",
        entities=(USERS, ITEMS),
        features=FEATURES,
    )

    def load(self) -> Content:
        """Return rows as `with_features` makes them, and stars."""
        return _content()

    def scale(self, inputs: Tensor) -> Standardisation:
        """Return what changes nothing: indices have no scale, features lie between 0 and 1."""
        del inputs
        return UNCHANGED

    def target_scale(self, targets: Tensor) -> Scale:
        """Return what takes the training part's mean away."""
        return Scale(targets.double().mean(dim=0), torch.ones(1))

    def augmentation(self, scale: Standardisation) -> None:
        """Return None: ratings are not augmented."""


@dataclass(frozen=True, eq=False)
class Tables:
    """What the three files hold."""

    ratings: Tensor
    """(n, 4) in float64: user and film from 0, stars, seconds."""
    users: Tensor
    """(users, features)"""
    films: Tensor
    """(films, features)"""

    def with_features(self, pairs: Tensor) -> Tensor:
        """Return rows (n, 2 + features) of pairs (n, 2) of a user and a film."""
        users, films = self.users[pairs[:, 0]], self.films[pairs[:, 1]]
        return torch.cat([pairs.float(), users, films], dim=1)


@lru_cache(maxsize=1)
def tables() -> Tables:
    """Return what the files hold; raise UserError if one is missing or damaged."""
    folder = "recbole/dataset_example/ml-100k/ml-100k"
    texts = (
        read_packaged(
            PackagedFile(package="recbole", version="1.2.1", member=f"{folder}.{name}", sha256=sha)
        )
        for name, sha in SHA256.items()
    )
    return parse(*(text.decode() for text in texts))


def parse(ratings: str, users: str, films: str) -> Tables:
    """Return the tables of three texts: a header, then a line of tab-separated fields a row.

    Ratings are (user, film, stars, seconds), users (user, age, sex, occupation, …), films (film,
    title, year, genres between spaces); users and films are numbered from 1 in order.
    """
    numbers = torch.tensor(
        [[float(field) for field in row] for row in _rows(ratings)], dtype=torch.float64
    )
    numbers[:, :2] -= 1
    known = [
        [float(age) / 100, float(sex == "F"), *(float(work == each) for each in OCCUPATIONS)]
        for _, age, sex, work, *_ in _rows(users)
    ]
    about = [
        [_year(year), *(float(each in genres.split()) for each in GENRES)]
        for _, _, year, genres in _rows(films)
    ]
    return Tables(numbers, torch.tensor(known), torch.tensor(about))


def _rows(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()[1:]]


def _year(text: str) -> float:
    return ((float(text) if text.isdigit() else NO_YEAR) - 1900) / 100


@lru_cache(maxsize=1)
def _content() -> Content:
    found = tables()
    rows = found.with_features(found.ratings[:, :2].long())
    return draw_test(Split(rows, found.ratings[:, 2:3].float()))
