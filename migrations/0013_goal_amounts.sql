-- Goals that are counted: "5000 euros", "24 books", "70 kg". Progress is made of the amounts.

ALTER TABLE goals ADD COLUMN target @real; -- NULL: the goal is not counted, and the next three are NULL, too
ALTER TABLE goals ADD COLUMN unit TEXT;
ALTER TABLE goals ADD COLUMN amount @real;
ALTER TABLE goals ADD COLUMN start_amount @real; -- where it began: above the target where less is more

ALTER TABLE goal_progress ADD COLUMN amount @real; -- of the goal, after it
