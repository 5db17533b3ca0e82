CREATE TYPE state AS ENUM ('new');
ALTER TYPE state ADD VALUE 'done';
CREATE TABLE events (id int, state state DEFAULT 'done');
