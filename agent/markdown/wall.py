"""The last wall: whatever the parser, the highlighter or the formulas let through, only this reaches a page."""

import nh3

from agent.markdown.code import CLASSES
from agent.markdown.links import SCHEMES

_TEXT = "a blockquote br code del div em h3 h4 h5 h6 hr li ol p pre s span strong table tbody td th thead tr ul"
_FORMULAS = (
    "math menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt "
    "mstyle msub msubsup msup mtable mtd mtext mtr munder munderover"
)
_FORMULA_ATTRIBUTES = (
    "accent accentunder align columnalign columnlines columnspacing depth display displaystyle fence form frame height "
    "largeop linethickness lspace mathbackground mathcolor mathsize mathvariant maxsize minsize movablelimits notation "
    "rowlines rowspacing rspace scriptlevel separator stretchy symmetric voffset width"
)

_CLEANER = nh3.Cleaner(
    tags={*_TEXT.split(), *_FORMULAS.split()},
    attributes={
        "*": {"dir"},
        "a": {"href"},
        "div": {"data-language", "tabindex"},
        "ol": {"start"},
        "pre": {"tabindex"},
        **{tag: set(_FORMULA_ATTRIBUTES.split()) for tag in _FORMULAS.split()},
        "math": {"display", "tabindex"},
    },
    allowed_classes={
        "code": {"math"},
        "div": {"code", "table"},
        "li": {"task"},
        "span": {"tail", *CLASSES.values()},
        "td": {"center", "right"},
        "th": {"center", "right"},
    },
    url_schemes=set(SCHEMES),
    url_relative="deny",
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},
)


def safe(html: str) -> str:
    """Return HTML without any element, attribute, class or address that answers do not consist of."""
    return _CLEANER.clean(html)
