CREATE TABLE events (title text DEFAULT 'Zürich');
