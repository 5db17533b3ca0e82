CREATE TABLE found AS SELECT tablename FROM pg_tables WHERE schemaname IN ('partner_analytics') AND tablename = 'partners';
