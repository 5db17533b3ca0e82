ALTER TABLE events ADD COLUMN topic text;
