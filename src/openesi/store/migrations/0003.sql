-- Lists of what is offered tell apart what every registered device sees from what groups are assigned.
UPDATE resource SET scope = CAST('public' AS BLOB)
    WHERE scope IS NULL AND listing IN ('/derp', '/dr', '/tp', '/msg', '/file');
UPDATE tally SET scope = CAST('public' AS BLOB)
    WHERE scope = x'' AND listing IN ('/derp', '/dr', '/tp', '/msg', '/file');
-- An alias shows another resource in a list: its "key" is the path of that resource.
CREATE INDEX alias_in_scope ON resource (scope, key) WHERE type = 'Alias';
