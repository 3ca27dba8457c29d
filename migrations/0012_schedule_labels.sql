-- What a reminder is to the person: one, a timer, an alarm, or an entry of the calendar.

ALTER TABLE schedules ADD COLUMN label TEXT NOT NULL DEFAULT 'reminder'
    CHECK (label IN ('reminder', 'timer', 'alarm', 'event'));
