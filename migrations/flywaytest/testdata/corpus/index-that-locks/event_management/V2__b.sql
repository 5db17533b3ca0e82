CREATE INDEX events_title ON events (title);
