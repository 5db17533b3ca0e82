ALTER TABLE IF EXISTS public.events ADD COLUMN topic text;
