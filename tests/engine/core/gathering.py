"""A workflow file that uses much of the language and is right; each rule's example spoils it in one place."""

GATHERING = """\
name: gathering
about: Spend a day together.
begins with: gather
listed in: who holds what
if the starter leaves: dropped
carried:
  - by: host
    as: a commitment
    say: You host <what>, <starts>.
    while: [on, moved]
    if: kind is project
    afterwards: A day together

people:
  host: starter
  friend: named in friend
  guests: named in guests
  coming: those who answered coming to invited
  chosen: named by answers to nominate
  helper: one of coming, not host
  elders: stewards
  eager: those who answered i_would to wide

details:
  friend:
    ask: Whom do you trust?
    type: person
  guests:
    ask: Whom would you like to invite?
    type: people, at most 20
  what:
    ask: What will you do?
    type: text
    keep: 30 days
  starts:
    ask: When does it start?
    type: date and time
  kind:
    ask: What is it?
    choices:
      event: 📅 An event
      project: 🛠️ A project
  seats:
    type: number, 1 to 20
    default: 8
  enough:
    type: number
    default: 2
  which: workflow

asks:
  invited:
    to: guests
    say: <host> invites you to <what>, <starts>.
    answers:
      coming: ✅ Coming
      maybe: 🤔 Maybe
    seen by: host
    until: 1 day before starts
    changeable until: starts
    places: seats
  wide:
    to: room
    if: kind is event
    say: There is room for more. Who would like to come?
    answers: [🙋 I would]
    seen by: circle
    until: 1 day before starts
  nominate:
    to: everyone
    say: Who would be a good host next time?
    answers: a person
    seen by: host
    hidden until: closed
    until: 7 days after opening
  helps:
    to: helper
    say: Would you help <host> on the day?
    answers: [Gladly]
    seen by: host
  thoughts:
    to: everyone
    say: What should the circle know? Nobody sees who wrote it.
    answers: in words
    seen by: host
    unsigned: from 5 answers
    until: 7 days after opening
  private:
    to: friend
    say: How did you feel in these days?
    answers: [Well, Not so well]
    seen by: me
    care: sensitive

states:
  draft:
    gather: [friend, guests, what, starts, kind]
    moves:
      - when: everything is gathered
        to: open
      - at: 14 days after entering
        to: dropped
  open:
    asks: [invited, wide, nominate]
    board:
      to: host
      say: "Coming: <coming>"
    moves:
      - at: 1 day before starts
        if: coming is at least enough
        to: on
        tell:
          to: host
          say: "Not joining: <not joining invited>"
      - at: 1 day before starts
        to: dropped
      - when: host writes cancel
        to: dropped
  on:
    keeps: invited
    asks: helps
    public: <what>, <starts>
    starts:
      - workflow: decision
        hand over: [what, friend as decider]
    moves:
      - when: decision ends
        to: after
      - when: host writes postpone
        to: moved
        tell:
          to: room
          if: helps.gladly is at least 1
          say: It comes later, and help is there.
      - at: 1 day after starts
        to: after
  moved:
    keeps: invited
    ask again: starts
    public: <what>, at another time
    moves:
      - when: everything is gathered
        if: been in moved at most 3 times
        to: on
      - at: 7 days after entering
        to: dropped
  after:
    asks: [thoughts, private]
    tell:
      to: host
      say: "They would like to host next time: <chosen>."
    moves:
      - when: thoughts closes
        to: done
      - at: 8 days after entering
        to: done
  done:
    ends with: It was a good day.
    brings in: which
  dropped:
    tell:
      to: coming
      say: It is not happening this time.
    ends with: It did not come together.
"""

DECISION = """\
name: decision
about: Decide together.
begins with: decide
people:
  host: starter
  decider: named in decider
details:
  what:
    ask: What about?
    type: text
    keep: 30 days
  decider:
    ask: Who decides?
    type: person
asks:
  decide:
    to: decider
    say: What about <what>?
    answers: [Yes]
    seen by: host
states:
  draft:
    gather: [what, decider]
    moves:
      - when: everything is gathered
        to: open
      - at: 7 days after entering
        to: dropped
  open:
    asks: decide
    moves:
      - when: answered yes to decide
        to: decided
      - at: 8 days after entering
        to: dropped
  decided:
    ends with: It was decided.
  dropped:
    ends with: It was left open.
"""
