"""Quotas, and what each job takes of them; jobs of before count with the characters that their text still has."""

import django.db.models.deletion
import synth.common.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_owner_without_account'),
        ('jobs', '0009_voice_names'),
    ]

    operations = [
        migrations.AddField(
            model_name='synthesisjob',
            name='characters',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='synthesisjob',
            name='estimated_ms',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.CreateModel(
            name='Quota',
            fields=[
                ('id', models.UUIDField(default=synth.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('minutes', models.PositiveIntegerField(blank=True, null=True)),
                ('characters', models.PositiveIntegerField(blank=True, null=True)),
                ('jobs', models.PositiveIntegerField(blank=True, null=True)),
                ('changed_at', models.DateTimeField(auto_now=True)),
                ('api_key', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.apikey')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='quotas', to='accounts.organisation')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organisation', 'api_key'), name='jobs_quota_one', nulls_distinct=False)],
            },
        ),
        migrations.RunSQL(
            "UPDATE jobs_synthesisjob SET characters = char_length(text) WHERE text <> ''", migrations.RunSQL.noop
        ),
    ]
