CREATE TABLE topics (
    code text PRIMARY KEY,
    title text NOT NULL
);
INSERT INTO topics VALUES ('cloud', 'Cloud ${and} native');
CREATE FUNCTION topic_title(code text) RETURNS text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
        SELECT title FROM topics WHERE topics.code = topic_title.code;
    END;
