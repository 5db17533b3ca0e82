CREATE TABLE public.events (id int);
