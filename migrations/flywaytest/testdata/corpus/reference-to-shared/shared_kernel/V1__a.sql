CREATE TABLE topics (code text PRIMARY KEY);
