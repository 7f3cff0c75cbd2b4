# Exchports: objects of what the program exchports tells, in Windows PowerShell 5.1 and in PowerShell 7.
#
# The program does the work; this turns its lines into objects as they come. What is wrong with a server is a property of
# an object. Only what keeps the program from looking at all (bad usage, no program) is an error.

# What a completion offers, by the program's path.
$script:Catalogs = @{}

function Test-ExchangePort {
    <#
    .SYNOPSIS
    Tells whether the ports of Outlook and Exchange on a host can really be used, and why not.

    .DESCRIPTION
    An object for each service of each host. Status is pass, warn, fail, absent or skip; Code, Message and Hint tell of the
    worst that is wrong with it, Diagnoses of all, those about the whole host included. Check is the row as the program
    told it, with the certificate, the steps and what the server said.

    .PARAMETER ComputerName
    Host names or addresses. By the pipeline too: strings, or objects with ComputerName, Fqdn, DNSHostName or Target, such
    as those of Get-ExchangeServer and Find-ExchangeEndpoint.

    .PARAMETER Role
    What the host is; it decides what has to work there. Without it the program finds out for itself.

    .PARAMETER Service
    Only these, by id, group or port. Every one has to work.

    .PARAMETER CAFile
    Files with further roots to trust, such as that of the company.

    .PARAMETER Audit
    Also ask which old versions of TLS are enabled, and whether remote desktop requires network level authentication.

    .PARAMETER Timeout
    The bound of one check, such as 15s.

    .PARAMETER Problem
    Only what is not well: warn, fail and skip.

    .PARAMETER ArgumentList
    Further options of `exchports check`, each a string of its own.

    .PARAMETER Path
    The program, if it is neither on the PATH nor beside this module, as in the archives.

    .EXAMPLE
    Test-ExchangePort mail.example.com -Role published

    .EXAMPLE
    Get-ExchangeServer | Test-ExchangePort -Role mailbox -Problem | Format-List ComputerName, Service, Code, Message, Hint

    .EXAMPLE
    Find-ExchangeEndpoint example.com | Test-ExchangePort | Where-Object CertificateDaysLeft -lt 30
    #>
    [CmdletBinding()]
    [OutputType('Exchports.Check')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('Fqdn', 'DNSHostName', 'Target')]
        [ValidateNotNullOrEmpty()]
        [string[]] $ComputerName,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [string] $Role,

        [string[]] $Service,

        [string[]] $CAFile,

        [switch] $Audit,

        [string] $Timeout,

        [switch] $Problem,

        [string[]] $ArgumentList,

        [string] $Path
    )

    begin {
        $program = Get-ExchportsProgram -Path $Path
        # All at once is quickest, since the program looks at many hosts at the same time; of one role each time.
        $namesByRole = [ordered]@{}
    }

    process {
        $key = "$Role"
        if (-not $namesByRole.Contains($key)) {
            $namesByRole[$key] = New-Object System.Collections.Generic.List[string]
        }
        foreach ($name in $ComputerName) {
            if (-not $namesByRole[$key].Contains($name)) {
                $namesByRole[$key].Add($name)
            }
        }
    }

    end {
        foreach ($key in @($namesByRole.Keys)) {
            $options = @('check', '--report', 'ndjson')
            if ($key) { $options += @('--role', $key) }
            if ($Service) { $options += @('--service', ($Service -join ',')) }
            foreach ($file in $CAFile) {
                if ($file) { $options += @('--ca-file', $PSCmdlet.GetUnresolvedProviderPathFromPSPath($file)) }
            }
            if ($Audit) { $options += '--audit' }
            if ($Timeout) { $options += @('--timeout', $Timeout) }
            if ($ArgumentList) { $options += $ArgumentList }
            $names = $namesByRole[$key]
            # Windows takes no command line of more than 32,767 characters.
            for ($first = 0; $first -lt $names.Count; $first += 100) {
                $some = $names.GetRange($first, [Math]::Min(100, $names.Count - $first)).ToArray()
                $rows = @{}
                Invoke-Exchports -Program $program -Arguments ($options + '--' + $some) -Cmdlet $PSCmdlet | ForEach-Object {
                    $told = $_ | ConvertFrom-Json
                    switch ($told.event) {
                        'check-finished' {
                            if (-not $rows.ContainsKey($told.target)) { $rows[$told.target] = @() }
                            $rows[$told.target] += $told
                        }
                        'target-finished' {
                            $rows[$told.target] |
                                Where-Object { $_ } |
                                Sort-Object -Property @('port', 'service') |
                                ForEach-Object { ConvertTo-ExchportsCheck -Row $_ -Target $told } |
                                Where-Object { -not $Problem -or $_.Status -in 'warn', 'fail', 'skip' }
                            $rows.Remove($told.target)
                        }
                    }
                }
            }
        }
    }
}

function Find-ExchangeEndpoint {
    <#
    .SYNOPSIS
    Tells on which hosts the mail of a domain lives, without a password.

    .DESCRIPTION
    An object for each host that MX, Autodiscover and SRV lead to, with its role, ready for Test-ExchangePort. Diagnoses is
    what is wrong with what the domain publishes; the worst of it comes as a warning too.

    .PARAMETER Domain
    A mail domain, or an address in it. By the pipeline too: strings, or objects with Domain, DomainName or
    PrimarySmtpAddress, such as those of Get-AcceptedDomain and Get-Mailbox.

    .PARAMETER ArgumentList
    Further options of `exchports discover`, each a string of its own.

    .PARAMETER Path
    The program, if it is neither on the PATH nor beside this module, as in the archives.

    .EXAMPLE
    Find-ExchangeEndpoint example.com

    .EXAMPLE
    Get-AcceptedDomain | Find-ExchangeEndpoint | Test-ExchangePort -Problem
    #>
    [CmdletBinding()]
    [OutputType('Exchports.Endpoint')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('DomainName', 'PrimarySmtpAddress')]
        [ValidateNotNullOrEmpty()]
        [string[]] $Domain,

        [string[]] $ArgumentList,

        [string] $Path
    )

    begin {
        $program = Get-ExchportsProgram -Path $Path
    }

    process {
        foreach ($name in $Domain) {
            $options = @('discover', '--json')
            if ($ArgumentList) { $options += $ArgumentList }
            $text = Invoke-Exchports -Program $program -Arguments ($options + '--' + $name) -Cmdlet $PSCmdlet | Out-String
            $report = $text | ConvertFrom-Json
            $diagnoses = @($report.diagnoses | Where-Object { $_ })
            foreach ($diagnosis in $diagnoses | Where-Object { $_.severity -eq 'fail' }) {
                Write-Warning "$($report.domain): $($diagnosis.message) [$($diagnosis.code)] $($diagnosis.hint)"
            }
            foreach ($target in $report.targets) {
                [pscustomobject] @{
                    PSTypeName   = 'Exchports.Endpoint'
                    Domain       = $report.domain
                    ComputerName = $target.name
                    Role         = $target.role
                    Reason       = $target.why
                    Diagnoses    = $diagnoses
                }
            }
        }
    }
}

# ---------------------------------------------------------------------------------------------------
# below: what both use

# The program: as named, beside this module as in the archives, or on the PATH.
function Get-ExchportsProgram {
    param([string] $Path)

    if ($Path) {
        $candidates = @($Path)
    } else {
        $archive = Join-Path (Join-Path $PSScriptRoot '..') '..'
        $candidates = @((Join-Path $archive 'exchports.exe'), (Join-Path $archive 'exchports'), 'exchports')
    }
    foreach ($candidate in $candidates) {
        $found = Get-Command -Name $candidate -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
        if ($found) { return $found.Path }
    }
    $wanted = 'exchports, on the PATH or beside this module'
    if ($Path) { $wanted = "the program '$Path'" }
    $message = "There is no $wanted. Install exchports, or name it with -Path."
    $exception = New-Object System.IO.FileNotFoundException -ArgumentList $message
    $category = [System.Management.Automation.ErrorCategory]::ObjectNotFound
    throw (New-Object System.Management.Automation.ErrorRecord -ArgumentList $exception, 'ExchportsNotFound', $category, $Path)
}

# Its lines of standard output. Exit code 1 is a finding, which the lines tell; 2 is an error of its own.
function Invoke-Exchports {
    param(
        [string] $Program,
        [string[]] $Arguments,
        [System.Management.Automation.PSCmdlet] $Cmdlet
    )

    # In 7.4 an exit code other than 0 may be made to throw; in 5.1 a line of standard error would.
    $PSNativeCommandUseErrorActionPreference = $false
    $ErrorActionPreference = 'Continue'
    $complaints = New-Object System.Collections.Generic.List[string]
    & $Program @Arguments 2>&1 | ForEach-Object {
        if ($_ -is [System.Management.Automation.ErrorRecord]) {
            $complaints.Add($_.Exception.Message)
        } else {
            $_
        }
    }
    $code = $LASTEXITCODE
    if ($code -in 0, 1) {
        foreach ($complaint in $complaints) { $Cmdlet.WriteWarning($complaint) }
        return
    }
    $message = ($complaints -join ' ').Trim()
    if (-not $message) { $message = "exchports ended with $code and said nothing" }
    $exception = New-Object System.InvalidOperationException -ArgumentList $message
    $category = [System.Management.Automation.ErrorCategory]::InvalidOperation
    $Cmdlet.ThrowTerminatingError(
        (New-Object System.Management.Automation.ErrorRecord -ArgumentList $exception, "ExchportsFailed$code", $category, $Arguments))
}

# A row of a report, and what is told of its host, as one object.
function ConvertTo-ExchportsCheck {
    param($Row, $Target)

    $ofHost = @($Target.diagnoses | Where-Object { $_ -and (-not $_.services -or $_.services -contains $Row.service) })
    $diagnoses = @(@($Row.diagnoses) + $ofHost | Where-Object { $_ })
    $rank = @{ fail = 0; warn = 1; info = 2 }
    $worst = $diagnoses | Where-Object { $_.severity -ne 'info' } | Sort-Object -Property { $rank[$_.severity] } | Select-Object -First 1
    $certificate = $null
    if ($Row.tls) { $certificate = $Row.tls.certificate }
    $time = ($Row.steps | Measure-Object -Property took_ms -Sum).Sum
    [pscustomobject] @{
        PSTypeName            = 'Exchports.Check'
        ComputerName          = $Row.target
        Role                  = $Target.role
        Port                  = $Row.port
        Service               = $Row.service
        Status                = $Row.status
        State                 = $Row.state
        Expected              = $Row.expect
        Address               = $Row.address
        TlsVersion            = $(if ($Row.tls) { $Row.tls.version })
        CipherSuite           = $(if ($Row.tls) { $Row.tls.cipher_suite })
        CertificateSubject    = $(if ($certificate) { $certificate.subject })
        CertificateNotAfter   = $(if ($certificate) { ConvertTo-ExchportsTime $certificate.not_after })
        CertificateDaysLeft   = $(if ($certificate) { $certificate.days_left })
        CertificateThumbprint = $(if ($certificate) { $certificate.sha256 })
        Milliseconds          = $time
        Code                  = $(if ($worst) { $worst.code })
        Message               = $(if ($worst) { $worst.message })
        Hint                  = $(if ($worst) { $worst.hint })
        Diagnoses             = $diagnoses
        Check                 = $Row
    }
}

# PowerShell 7 makes a DateTime of a time in JSON by itself, 5.1 leaves the text.
function ConvertTo-ExchportsTime {
    param($Value)

    if (-not $Value) { return $null }
    if ($Value -is [datetime]) { return $Value.ToUniversalTime() }
    $culture = [System.Globalization.CultureInfo]::InvariantCulture
    $style = [System.Globalization.DateTimeStyles]::AdjustToUniversal
    return [datetime]::Parse($Value, $culture, $style)
}

# What the program's catalog calls the services, or the roles.
function Get-ExchportsWord {
    param([string] $Kind, [string] $Begin, $Bound)

    try {
        $path = $null
        if ($Bound -and $Bound.ContainsKey('Path')) { $path = $Bound['Path'] }
        $program = Get-ExchportsProgram -Path $path
        if (-not $script:Catalogs.ContainsKey($program)) {
            $script:Catalogs[$program] = & $program list --json 2>$null | Out-String | ConvertFrom-Json
        }
        $words = @($script:Catalogs[$program].$Kind | ForEach-Object { $_.$($Kind.TrimEnd('s')) })
        if ($Kind -eq 'services') { $words += 'web', 'all' }
        $words | Where-Object { $_ -like "$Begin*" } | ForEach-Object {
            New-Object System.Management.Automation.CompletionResult -ArgumentList $_, $_, 'ParameterValue', $_
        }
    } catch {
        # No program, no completion; it is told when it is needed.
        return
    }
}

Register-ArgumentCompleter -CommandName Test-ExchangePort -ParameterName Role -ScriptBlock {
    param($commandName, $parameterName, $wordToComplete, $commandAst, $fakeBoundParameters)
    Get-ExchportsWord -Kind roles -Begin $wordToComplete -Bound $fakeBoundParameters
}

Register-ArgumentCompleter -CommandName Test-ExchangePort -ParameterName Service -ScriptBlock {
    param($commandName, $parameterName, $wordToComplete, $commandAst, $fakeBoundParameters)
    Get-ExchportsWord -Kind services -Begin $wordToComplete -Bound $fakeBoundParameters
}

Export-ModuleMember -Function @('Test-ExchangePort', 'Find-ExchangeEndpoint')
