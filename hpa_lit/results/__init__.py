"""From predictions to answers: ensembles, thresholds, submissions, neighbours, scores. Arrays and tables only."""
