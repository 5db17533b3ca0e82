ALTER TABLE events RENAME TO meetings;
