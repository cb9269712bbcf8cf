"""Grade the course's assignments without trusting what a student's code says about itself.

    python -m grader submissions/ --assignment 03 --seed 2026 --out results/

A student's code runs in a sandbox that holds no tests and sends back plain numbers. This
process compares them with an independent reference at points drawn from the seed.
"""
