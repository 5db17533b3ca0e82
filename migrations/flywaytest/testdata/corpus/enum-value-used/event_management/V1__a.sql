CREATE TYPE state AS ENUM ('new');
CREATE TABLE events (id int, state state);
