ALTER TABLE events ADD CONSTRAINT titled CHECK (title <> '');
