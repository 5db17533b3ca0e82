SET SESSION AUTHORIZATION event_management_service;
CREATE TABLE events (id int PRIMARY KEY, title text);
