-- name: people
-- A few people with what other tables know of them: households by their primary contact, the campus, the main email.
SELECT person.id, person.name, campus.name AS campus, household.name AS household, email.address AS email
FROM pco.people_person AS person
JOIN pco.people_household AS household
  ON household.org_id = person.org_id AND household.primary_contact_id = person.id AND household._deleted_at IS NULL
LEFT JOIN pco.people_campus AS campus
  ON campus.org_id = person.org_id AND campus.id = person.primary_campus_id AND campus._deleted_at IS NULL
LEFT JOIN LATERAL (
    SELECT address FROM pco.people_email AS e
    WHERE e.org_id = person.org_id AND e.person_id = person.id AND e._deleted_at IS NULL
    ORDER BY e."primary" DESC NULLS LAST, e.id LIMIT 1
) AS email ON true
WHERE person.org_id = %(org_id)s AND person._deleted_at IS NULL
ORDER BY length(person.id), person.id, household.id
LIMIT %(limit)s;
