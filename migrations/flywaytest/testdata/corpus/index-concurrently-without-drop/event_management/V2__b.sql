CREATE INDEX CONCURRENTLY events_title ON events (title);
