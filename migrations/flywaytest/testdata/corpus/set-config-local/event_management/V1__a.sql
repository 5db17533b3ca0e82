SELECT set_config('lock_timeout', '5s', true);
CREATE TABLE events (id int PRIMARY KEY, title text);
