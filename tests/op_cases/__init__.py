"""Cases of the ops of one subject each: `BUILDERS`, `PARAMS`, `DOMAINS` as in `every_op_cases`."""
