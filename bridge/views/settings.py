"""``settings``: how somebody is written to, each line with the words that change it."""

from __future__ import annotations

from datetime import time

from babel.dates import format_time, get_day_names

from bridge.views.public import Paragraph
from bridge.views.sight import Sources, own_of
from bridge.wording.keys import TITLE
from bridge.wording.places import place_of
from bridge.wording.render import Hearer
from bridge.wording.sentences import locale_of
from engine.core.desk import Desk, Rhythm
from engine.core.desk_letter import LETTER
from engine.core.desk_usual import rhythm_of, sorted_out
from engine.core.message import Names, Phrase, Plain, Said, When
from engine.core.values import Ms, PersonId


async def settings_view(sources: Sources, hearer: Hearer, person: PersonId, now_ms: Ms) -> list[Paragraph]:
    """All that a person has set, or could."""
    own = await own_of(sources, person)
    usual = await sources.usual(person)
    of_one_circle = len(await sources.around.circles_of(person)) == 1
    desk = sorted_out(own.desk, usual)
    lines = [
        Phrase("settings.head"),
        Phrase(f"settings.consent.{desk.consent}"),
        _language(desk, hearer),
        *_rhythm(desk, usual, hearer, now_ms, otherwise="_usual" if of_one_circle else "_unchosen"),
        _letter(desk, hearer),
    ]
    digests = {matter.definition.name: matter.definition.digest for matter in own.matters}
    lines += [_muted(workflow, digests) for workflow in desk.muted if workflow != LETTER]
    if desk.not_from:
        lines.append(Phrase("settings.not_from", slots={"who": Names(desk.not_from)}))
    return [lines]


def _language(desk: Desk, hearer: Hearer) -> Phrase:
    spoken = desk.language or hearer.language
    name = locale_of(spoken).get_language_name(locale_of(hearer.language)) or spoken
    return Phrase("settings.language", slots={"language": Plain(name)})


def _rhythm(desk: Desk, usual: Rhythm, hearer: Hearer, now_ms: Ms, *, otherwise: str) -> Paragraph:
    """Time zone, quiet hours and a pause; of the first two also whether they are the person's own. If not, whether
    they are the circle's, or of no one circle, is said by how keys end ``otherwise``.
    """
    rhythm, own, locale = rhythm_of(desk, usual), desk.own_rhythm, locale_of(hearer.language)
    place = Plain(place_of(rhythm.time_zone, locale))
    zone_of = "settings.zone" if own.time_zone else f"settings.zone{otherwise}"
    hours_of = "" if own.quiet_hours else otherwise
    lines = [Phrase(zone_of, slots={"zone": place, "now": When(now_ms)})]
    if rhythm.quiet_from_hour == rhythm.quiet_to_hour:
        lines.append(Phrase(f"settings.no_quiet{hours_of}"))
    else:
        begins, ends = (
            Plain(format_time(time(hour % 24), "short", locale=locale))
            for hour in (rhythm.quiet_from_hour, rhythm.quiet_to_hour)
        )
        lines.append(Phrase(f"settings.quiet{hours_of}", slots={"begins": begins, "ends": ends}))
    if rhythm.paused_until_ms > now_ms:
        lines.append(Phrase("settings.pause", slots={"until": When(rhythm.paused_until_ms)}))
    else:
        lines.append(Phrase("settings.no_pause"))
    return lines


def _letter(desk: Desk, hearer: Hearer) -> Phrase:
    if desk.consent != "yes" or LETTER in desk.muted:
        return Phrase("settings.no_letter")
    day = get_day_names("wide", locale=locale_of(hearer.language))[desk.letter_weekday]
    return Phrase("settings.letter", slots={"day": Plain(day)})


def _muted(workflow: str, digests: dict[str, str]) -> Phrase:
    digest = digests.get(workflow)
    title = Plain(workflow.replace("_", " ")) if digest is None else Said(TITLE, digest)
    return Phrase("settings.muted", slots={"title": title})
