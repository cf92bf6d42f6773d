"""What the live views and the export show: gathered when they are sent, as far as the reader may see it.

No second book is kept. Everything is read off desks and instances as they stand, under one audience filter: of what
is somebody's own, whatever was put to them or what they began (`bridge.views.sight`); of all else, the lines that a
whole circle may see.
"""

from bridge.views.house import HouseViews
from bridge.views.public import LONGEST_ABOUT, MOST_BEGINNINGS

__all__ = ["LONGEST_ABOUT", "MOST_BEGINNINGS", "HouseViews"]
