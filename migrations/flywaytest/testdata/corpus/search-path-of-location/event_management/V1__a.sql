SET search_path TO event_management, shared_kernel;
CREATE TABLE events (id int PRIMARY KEY, title text);
