CREATE TABLE events (id int PRIMARY KEY, title text);
ALTER TABLE events OWNER TO event_management_service;
