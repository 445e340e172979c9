-- Sets of responses are offered as programs are: to every registered device, or to groups alone.
UPDATE resource SET scope = CAST('public' AS BLOB) WHERE scope IS NULL AND listing = '/rsps';
UPDATE tally SET scope = CAST('public' AS BLOB) WHERE scope = x'' AND listing = '/rsps';
