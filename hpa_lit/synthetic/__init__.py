"""The synthetic atlas: fields of cells with a protein at the 28 locations, in the layout of the real downloads."""

from hpa_lit.synthetic.atlas import draw_atlas
from hpa_lit.synthetic.contact_sheet import contact_sheet
from hpa_lit.synthetic.field import draw_field
from hpa_lit.synthetic.style import Style

__all__ = ["Style", "contact_sheet", "draw_atlas", "draw_field"]
