CREATE TABLE event_management.events (id int);
COMMENT ON COLUMN events.id IS 'number';
