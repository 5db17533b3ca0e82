CREATE TABLE events (id int PRIMARY KEY, title text);
SELECT set_config('lock_timeout', '0', is_local => false);
