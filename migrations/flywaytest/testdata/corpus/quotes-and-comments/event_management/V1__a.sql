-- BEGIN; in a comment, and ${placeholder}
/* VACUUM; /* nested */ COMMIT; */
CREATE TABLE "VACUUM; ${x}" (a text DEFAULT 'it''s; COMMIT;', b text DEFAULT E'\'; \\', c text DEFAULT $$ ; ${name} $$);
CREATE FUNCTION g(x int) RETURNS int LANGUAGE sql
    BEGIN ATOMIC
        SELECT CASE WHEN x > 0 THEN 1 ELSE 0 END;
    END;
