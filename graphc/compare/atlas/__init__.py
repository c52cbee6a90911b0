"""The accuracy atlas: every op's value and derivatives in ulp, over the whole range of a dtype."""
