DO $$
BEGIN
    UPDATE events SET title = title WHERE id < 5;
    COMMIT;
END $$;
