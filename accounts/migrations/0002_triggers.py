"""The database's own hold on states and evidence (accounts.voices.states, accounts.consent.triggers)."""

from django.db import migrations

from accounts.consent.triggers import CONSENT_CLOSES_ONCE_SQL, FROZEN, frozen_sql
from accounts.voices.states import MOVES, trigger_sql

DROP = "DROP TRIGGER IF EXISTS {name} ON {table}; DROP FUNCTION IF EXISTS {name}();"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        *(
            migrations.RunSQL(
                trigger_sql(table), DROP.format(name=f"{table}_forward_only", table=table)
            )
            for table in MOVES
        ),
        *(
            migrations.RunSQL(frozen_sql(table), DROP.format(name=f"{table}_frozen", table=table))
            for table in FROZEN
        ),
        migrations.RunSQL(
            CONSENT_CLOSES_ONCE_SQL,
            DROP.format(name="accounts_consent_closes_once", table="accounts_consent"),
        ),
    ]
