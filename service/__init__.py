"""thrive-fhir: a FHIR R4 service for goal-based outcomes in young people's mental health."""
