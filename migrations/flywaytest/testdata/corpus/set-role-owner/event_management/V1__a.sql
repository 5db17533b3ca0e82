SET ROLE batbern_owner;
CREATE TABLE events (id int PRIMARY KEY, title text);
