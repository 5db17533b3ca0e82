ALTER TABLE events ADD UNIQUE (title);
