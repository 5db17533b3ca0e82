-- ${flyway:timestamp}
CREATE OR REPLACE VIEW titles AS SELECT title FROM events;
