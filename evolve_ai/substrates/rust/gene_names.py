"""Where gene files in Rust lie, and what they and their functions may be called."""

from evolve_ai.model.gene_names import GeneNames

# Strict and reserved words of Rust: none of them can name a module or a function.
_WORDS = (
    "_ Self abstract as async await become box break const continue crate do dyn else enum extern "
    "false final fn for gen if impl in let loop macro match mod move mut override priv pub ref "
    "return self static struct super trait true try type typeof unsafe unsized use virtual where "
    "while yield"
)
KEYWORDS = frozenset(_WORDS.split())
NAMES = GeneNames("src/genes/", ".rs", KEYWORDS, "::")
