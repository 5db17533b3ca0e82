CREATE TABLE events (id int PRIMARY KEY, title text);
CREATE FUNCTION count_events() RETURNS bigint LANGUAGE sql SET search_path = event_management SET lock_timeout = '1s' AS 'SELECT count(*) FROM events';
