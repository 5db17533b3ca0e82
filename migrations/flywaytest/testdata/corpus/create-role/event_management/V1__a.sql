CREATE ROLE reporter;
