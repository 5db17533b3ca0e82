SET LOCAL ROLE batbern_migrator;
CREATE TABLE events (id int PRIMARY KEY, title text);
